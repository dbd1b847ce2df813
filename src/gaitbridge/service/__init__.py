"""Work that goes on without anybody before the screen: sources watched, walks answered, each once, whatever is killed or fills up."""

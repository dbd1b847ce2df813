"""SwinGait: convolutions first, then attention within shifted windows."""

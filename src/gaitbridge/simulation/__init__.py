"""Walking people before cameras and LiDARs, in the order of the physical story: body -> motion -> conditions -> scene -> sensors -> render."""

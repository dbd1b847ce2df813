"""GaitPart: convolutions of strips, and short movements of each part."""

"""Districts and who may connect: asked about, changed by people, kept, and taken back."""

"""Text of other people in lines and pages of ours: it can end no line and become no tag."""

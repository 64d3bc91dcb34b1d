"""Payment files: fees, sundries and enrolments, each row judged, posted, and settled or not."""

//! Programs that show cachescope at work.

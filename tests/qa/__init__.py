"""What holds for the project as a whole: its imports, its package and its documentation."""

"""What every page is made with: templates, forms, navigation, threads."""

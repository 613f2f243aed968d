"""What every page stands on: page or fragment, access, errors, security headers, languages, filters. Knows no feature."""

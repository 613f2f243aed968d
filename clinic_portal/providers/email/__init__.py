"""E-mail: the developer's inbox (embedded default), any SMTP server, and Amazon SES."""

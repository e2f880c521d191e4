"""What DNS says of a domain that mail comes from, and what the providers of mailboxes want it to say."""

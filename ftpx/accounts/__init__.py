"""Who may log in, and what an account is: checkers, realm and delays for `twisted.cred`."""

"""Settings of the fest that are kept in its data: names, payment methods, mail and rules of sign-up."""

"""`sluice verify`: what should have arrived, what is there, and what follows."""

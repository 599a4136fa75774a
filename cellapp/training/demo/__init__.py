"""How the models that ship were made, so that another person can make them again."""

"""The Web API: one module for each family of methods, a table of them all, and the door in front."""

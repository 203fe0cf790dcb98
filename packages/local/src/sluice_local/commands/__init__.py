"""The commands of the local kit, loaded when they run."""

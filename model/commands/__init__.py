"""What `vitrine-model` can be told to do: a class for each command, its fields are the flags."""

PROGRAM = "vitrine-model"

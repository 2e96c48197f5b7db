"""What the commands of ``hub`` do, beneath their words on the command line."""

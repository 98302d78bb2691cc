"""What survives a restart: values of the model go in and come out, rows never leave."""

"""What is known of real data sets that come in packages: which questions are worth asking, what the columns mean."""

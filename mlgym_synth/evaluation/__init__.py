"""How agents compare: scores files, performance profiles and AUP, and the statistics that belong beside them."""

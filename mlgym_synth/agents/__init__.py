"""Who acts: scripted teachers and, behind one protocol, anything else that maps observations to actions."""

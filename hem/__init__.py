"""The hook execution manager (``opennebula-hem``): runs programs after calls of the API and changes of states."""

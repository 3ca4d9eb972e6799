"""How a patch is written: a line per change (SR1.3, Table 1.7), or YAML as ``onecfg diff --format yaml`` prints it."""

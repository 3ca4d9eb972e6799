"""Who may do what: sessions, permissions, rules, quotas, groups of resources."""

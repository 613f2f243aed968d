"""What every feature stands on: database, clock, ids, money, errors, events, jobs, audit. Knows no feature and no Flask."""

"""The front desk: the receptionist's page. Owns no rules and no tables; calls the use cases of the features below."""

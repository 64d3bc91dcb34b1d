"""The database: engine, transactions, bulk staging, schema. Only here is asked which one it is."""

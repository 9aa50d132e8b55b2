//! For tests only: clock, seeded chance, keys, vector loader, sample records

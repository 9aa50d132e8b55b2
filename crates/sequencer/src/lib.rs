//! Pool, integrate, commit, publish

//! The HTTP server: public log API, record API, metrics

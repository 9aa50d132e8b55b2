//! A log read over HTTP or from files, verified; submission

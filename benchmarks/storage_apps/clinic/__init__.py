"""A clinic: patients, doctors, appointments and bills."""

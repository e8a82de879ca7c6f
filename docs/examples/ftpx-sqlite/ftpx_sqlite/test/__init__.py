"""Tests: ``trial ftpx_sqlite`` runs them."""

"""Tests of the web application, a folder for each module."""

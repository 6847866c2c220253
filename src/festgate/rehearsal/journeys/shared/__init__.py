"""What several journeys use: their simulated visitor, and readers of the portal's pages."""

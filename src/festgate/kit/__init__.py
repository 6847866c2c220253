"""What every module stands on: data, pages, mail, facts. It knows no module."""

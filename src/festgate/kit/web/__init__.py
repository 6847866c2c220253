"""The shared base of pages and the API: routing, rendering, forms, cookies, and the gate for every request."""

"""Pages and the API, apart from what they show: routing, rendering, forms, cookies, the gate in front of all."""

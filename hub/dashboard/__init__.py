"""The dashboard: pages made on the server, for the browser of whoever runs the hub.

A page asks the API's own operations in this process (:mod:`hub.web.desk`), as whoever is signed
in: it shows what the API shows, may what they may, and what it changes is audited.
"""

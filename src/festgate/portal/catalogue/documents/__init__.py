"""The programme of a fest as a document: its rooms, shared quotas, events, ticket types and promo codes.

A document is written as JSON with everything, or as a sheet of ticket types. Both are read into the same contents,
which one operation imports. So they refuse the same values with the same sentences.
"""

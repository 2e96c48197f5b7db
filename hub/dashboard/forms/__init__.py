"""Forms made from the shapes of what people set, and documents read back from what is typed.

A form is a tree of fields, made from a shape's JSON Schema; what stands in it are texts, by the
names of the fields. A field is named by its JSON pointer, with the choice in it where it belongs
to one of several: ``/verify:header/secrets``. What is left empty is left out of the document, so
that it is as the shape says; secrets are never shown, and left empty they stay.
"""

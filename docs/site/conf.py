"""How Sphinx shows what `pages.py` collects; `make docs` calls both.

Sphinx with MyST, because it is kept up (MkDocs is not) and takes our Markdown as it stands. griffe
reads the reference, because our docstrings are Markdown too, with tables, and Sphinx' own readers
take them for reStructuredText; it imports nothing, so there is no wait for TensorFlow.
"""

project = "lfp_tf"
extensions = ["myst_parser"]
# Arguments, results and errors in the reference.
myst_enable_extensions = ["fieldlist"]
# A page may name a heading of another one, as on the repository's own web view.
myst_heading_anchors = 3
# Modules stand in the titles of their pages.
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
# Quotes stay as written, because many stand around values; blocks are mostly commands.
smartquotes = False
highlight_language = "text"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_title = "lfp_tf"
html_copy_source = False
html_show_copyright = False

"""Documents of many kinds read into one: a title and Markdown, which is what is cut, searched, shown and cited.

`reading.document_read` tells a file's kind from its content and reads it; `apart.document_read_apart` does the same in
a process of its own with bounds on time and memory, for files that strangers made. What cannot be read raises
`DocumentError`, which says why in one word; each place that shows it has its own words.
"""

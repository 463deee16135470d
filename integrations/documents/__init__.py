"""Documents on their way into the company's knowledge: uploaded files, websites, knowledge bases of other services."""

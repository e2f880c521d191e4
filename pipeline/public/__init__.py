"""Pages without login. They set no cookies, load nothing from elsewhere, and a GET never changes anything.

`unsubscribe` leaving and its undo · `view` a person's copy in the browser · `read` the public web edition · `click` the
redirect of links, `tally` its counts · `site` health, pictures, the front door · `page` what all of them share:
headers, language, look · `logs` keeps tokens out of the logs.
"""

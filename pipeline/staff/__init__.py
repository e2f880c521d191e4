"""Pages for those who work here, inside Wagtail at /admin/.

`headers` what every staff response carries, and the first sign-in · `roles` who may do what · `menu` the side bar ·
`reading` viewsets that only show · `newsletters` `issues` `preview` `findings` writing · `sending` from issue to send ·
`sends` `deliveries` the books · `links` clicks and repairs · `people` subscribers, lists, suppressions.
"""

"""An issue becomes a proof. Pure: no Django, no network, no files but the layout's own."""

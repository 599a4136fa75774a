"""What pages share: state in the URL, cached loaders, panels, viewer. Streamlit is imported nowhere else in cellapp."""

"""The pages, drawn with Streamlit: components < session < layout < one folder per page."""

from cellapp.ui import state

project = state.current_project()
